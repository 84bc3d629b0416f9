-- Append-only: a refund is a row of its own with the amount's sign turned.
CREATE TABLE payments (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id    BIGINT NOT NULL,
  order_id   BIGINT NOT NULL,
  amount     DECIMAL(17, 2) NOT NULL,
  kind       VARCHAR(10) NOT NULL,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  CONSTRAINT payments_order_id_kind_key UNIQUE (order_id, kind),
  CONSTRAINT payments_kind_check CHECK (kind IN ('PAYMENT', 'REFUND')),
  CONSTRAINT payments_amount_check CHECK (CASE kind WHEN 'PAYMENT' THEN amount >= 0 ELSE amount <= 0 END)
);
-- A user's payments, newest first.
CREATE INDEX payments_user_id_id_idx ON payments (user_id, id);

-- One row per order: the fence of payment.pay and payment.refund. No foreign keys: a tombstone names nothing.
CREATE TABLE payment_attempts (
  order_id   BIGINT NOT NULL,
  status     VARCHAR(10) NOT NULL CHECK (status IN ('done', 'rejected', 'undone')),
  attempt    INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  user_id    BIGINT,
  amount     DECIMAL(17, 2) CHECK (amount >= 0),
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  -- The name is what the kit recognises a lost race by.
  CONSTRAINT payment_attempts_pkey PRIMARY KEY (order_id)
);
-- For the retention of what is over; most rows stay done and are not in it.
CREATE INDEX payment_attempts_over_idx ON payment_attempts (updated_at) WHERE status <> 'done';

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
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'payment_app') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON payments FROM payment_app;
  END IF;
END
$$;
