# Is it there, and may it be given work? Neither needs a key.
# says: "status":"ok"
# says: "status":"ready"
curl -fsS "$ORKET_URL/health"
curl -fsS "$ORKET_URL/ready"
