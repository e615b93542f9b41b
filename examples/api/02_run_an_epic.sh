# Start the golden epic. Sent again with the same Idempotency-Key, it is the same run.
# says: "session_id":
# says: the same run
run() {
  curl -fsS -X POST "$ORKET_URL/v1/system/run-active" \
    -H "X-API-Key: $ORKET_API_KEY" -H "Content-Type: application/json" \
    -H "Idempotency-Key: tonight" \
    -d '{"path": "model/core/epics/golden_flow.json"}'
}
first=$(run)
again=$(run)
echo "$first"
id() { echo "$1" | sed 's/.*"session_id":"\([^"]*\)".*/\1/'; }
[ "$(id "$first")" = "$(id "$again")" ] && echo "the same run"
