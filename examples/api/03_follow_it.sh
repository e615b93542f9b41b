# Follow the newest run as server-sent events until it is over; `?after=NUMBER` goes on after an event.
# says: event: snapshot
# says: event: end
curl -fsSN "$ORKET_URL/v1/runs/last/events" -H "X-API-Key: $ORKET_API_KEY"
