# How it stands, its cards, and what it cost.
# says: "status":"done"
# says: "total_tokens":
# says: "execution_order":
run=$(curl -fsS "$ORKET_URL/v1/runs?limit=1" -H "X-API-Key: $ORKET_API_KEY" | sed 's/.*"run_id":"\([^"]*\)".*/\1/')
curl -fsS "$ORKET_URL/v1/runs/$run" -H "X-API-Key: $ORKET_API_KEY"
curl -fsS "$ORKET_URL/v1/runs/$run/token-summary" -H "X-API-Key: $ORKET_API_KEY"
curl -fsS "$ORKET_URL/v1/runs/$run/execution-graph" -H "X-API-Key: $ORKET_API_KEY"
