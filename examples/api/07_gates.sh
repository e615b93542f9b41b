# What waits for a person. To decide one:
#   curl -X POST "$ORKET_URL/v1/gates/7/approve" -H "X-API-Key: $ORKET_API_KEY" -d '{"by": "ann", "reason": "looked at it"}'
# says: "gates":
curl -fsS "$ORKET_URL/v1/gates?status=pending" -H "X-API-Key: $ORKET_API_KEY"
