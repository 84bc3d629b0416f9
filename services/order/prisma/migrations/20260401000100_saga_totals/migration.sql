-- How many orders were created, paid, refunded and cancelled (by reason), summed up once from ORDER_EVENTS up to
-- `event_id`: counting orders by status would read the whole table, and an index on status would make each of an
-- order's updates non-HOT.
CREATE TABLE saga_totals (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  event_id  BIGINT NOT NULL,
  created   BIGINT NOT NULL,
  paid      BIGINT NOT NULL,
  refunded  BIGINT NOT NULL,
  -- By reason: {"OUT_OF_STOCK": 12}.
  cancelled JSONB NOT NULL
);
INSERT INTO saga_totals VALUES (1, 0, 0, 0, 0, '{}');
