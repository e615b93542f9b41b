# The last things that went wrong, newest first, from the indexed event table.
# says: "items":
curl -fsS "$ORKET_URL/v1/logs?event=turn_failed&limit=20" -H "X-API-Key: $ORKET_API_KEY"
