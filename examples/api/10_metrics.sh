# For Prometheus: OpenMetrics text. Its scrape job sends the key as a bearer token.
# says: orket_runs{status="done"}
curl -fsS "$ORKET_URL/metrics" -H "Authorization: Bearer $ORKET_API_KEY"
