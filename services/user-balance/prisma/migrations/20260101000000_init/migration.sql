CREATE TABLE users (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       VARCHAR(50) NOT NULL,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now()
);

-- One or none per user: the row comes with the first top-up or charge.
CREATE TABLE balances (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id    BIGINT NOT NULL REFERENCES users (id),
  amount     DECIMAL(17, 2) NOT NULL DEFAULT 0 CHECK (amount >= 0),
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  CONSTRAINT balances_user_id_key UNIQUE (user_id)
);

-- The ledger: balance = top-ups - charges + refunds. Amounts are never negative, the type says the direction.
CREATE TABLE balance_records (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  balance_id BIGINT NOT NULL REFERENCES balances (id),
  type       VARCHAR(10) NOT NULL,
  amount     DECIMAL(17, 2) NOT NULL CHECK (amount >= 0),
  order_id   BIGINT,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  CONSTRAINT balance_records_type_check CHECK (type IN ('TOP_UP', 'CHARGE', 'REFUND')),
  CONSTRAINT balance_records_order_id_check CHECK ((order_id IS NULL) = (type = 'TOP_UP')),
  -- NULLs are distinct: top-ups are free of it.
  CONSTRAINT balance_records_order_id_type_key UNIQUE (order_id, type)
);
-- A user's records, newest first.
CREATE INDEX balance_records_balance_id_id_idx ON balance_records (balance_id, id);

-- One row per order: the fence of user-balance.charge and user-balance.refund. No foreign keys: a rejected order may
-- name a user who does not exist, and a tombstone names nothing.
CREATE TABLE order_charges (
  order_id   BIGINT NOT NULL,
  user_id    BIGINT,
  amount     DECIMAL(17, 2) CHECK (amount >= 0),
  status     VARCHAR(10) NOT NULL CHECK (status IN ('done', 'rejected', 'undone')),
  attempt    INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  -- The name is what the kit recognises a lost race by.
  CONSTRAINT order_charges_pkey PRIMARY KEY (order_id)
);
-- For the retention of what is over; most rows stay done and are not in it.
CREATE INDEX order_charges_over_idx ON order_charges (updated_at) WHERE status <> 'done';

CREATE TABLE outbox (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  messages   TEXT NOT NULL,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now()
);

CREATE TABLE dead_letters (
  id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  step      VARCHAR(60) NOT NULL,
  topic     VARCHAR(60) NOT NULL,
  partition INTEGER NOT NULL,
  "offset"  BIGINT NOT NULL,
  key       BYTEA,
  value     BYTEA,
  headers   JSONB NOT NULL,
  reason    VARCHAR(40) NOT NULL,
  error     TEXT NOT NULL,
  parked_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  closed_at TIMESTAMPTZ(6),
  outcome   VARCHAR(15),
  closed_by TEXT,
  note      TEXT,
  CONSTRAINT dead_letters_step_topic_partition_offset_key UNIQUE (step, topic, partition, "offset")
);
CREATE INDEX dead_letters_closed_idx ON dead_letters (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE idempotency_keys (
  subject     BIGINT NOT NULL,
  route       TEXT NOT NULL,
  key         TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status      INTEGER,
  answer      TEXT,
  headers     TEXT,
  created_at  TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (subject, route, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys USING brin (created_at);

-- The ledger is append-only, also for the service itself. The role is missing in databases made for a test.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'user_balance_app') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON balance_records FROM user_balance_app;
  END IF;
END
$$;
