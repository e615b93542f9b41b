# Does the record of the newest run hold: chain, decisions, transitions, files?
# says: "run_id":
curl -fsS "$ORKET_URL/v1/runs/last/verify" -H "X-API-Key: $ORKET_API_KEY"
