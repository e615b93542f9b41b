# The newest cards, a page at a time: `next_cursor` of one answer is `cursor` of the next.
# says: "items":
# says: "next_cursor":
curl -fsS "$ORKET_URL/v1/cards?limit=2&status=done" -H "X-API-Key: $ORKET_API_KEY"
