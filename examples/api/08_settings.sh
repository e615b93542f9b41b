# Every setting with its value and where it came from, and a change that holds for the next run.
# says: "architecture_mode":
# says: "ok":true
curl -fsS "$ORKET_URL/v1/settings" -H "X-API-Key: $ORKET_API_KEY"
curl -fsS -X PATCH "$ORKET_URL/v1/settings" -H "X-API-Key: $ORKET_API_KEY" \
  -H "Content-Type: application/json" -d '{"frontend_framework_mode": "react"}'
