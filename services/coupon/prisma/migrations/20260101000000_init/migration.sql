CREATE TABLE coupon_sources (
  id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name             VARCHAR(15) NOT NULL,
  discount_amount  DECIMAL(17, 2) NOT NULL CHECK (discount_amount > 0),
  -- What is left. Every issue locks this row, so the count is exact and first come is first served.
  quantity         INTEGER NOT NULL CHECK (quantity >= 0),
  initial_quantity INTEGER NOT NULL CHECK (initial_quantity >= quantity),
  created_at       TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at       TIMESTAMPTZ(6) NOT NULL DEFAULT now()
);

CREATE TABLE coupons (
  id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id          BIGINT NOT NULL,
  coupon_source_id BIGINT NOT NULL REFERENCES coupon_sources (id),
  -- NULL: unused.
  used_at          TIMESTAMPTZ(6),
  name             VARCHAR(15) NOT NULL,
  discount_amount  DECIMAL(17, 2) NOT NULL CHECK (discount_amount > 0),
  created_at       TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at       TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  -- One per user and source; it leads to a user's own coupons as well.
  CONSTRAINT coupons_user_id_coupon_source_id_key UNIQUE (user_id, coupon_source_id)
);

-- One row per order: the fence of coupon.apply and coupon.restore. No foreign keys: a rejected order may name
-- what does not exist, and a tombstone names nothing.
CREATE TABLE coupon_applications (
  order_id        BIGINT NOT NULL,
  coupon_id       BIGINT,
  status          VARCHAR(10) NOT NULL CHECK (status IN ('done', 'rejected', 'undone')),
  attempt         INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  discount_amount DECIMAL(17, 2) CHECK (discount_amount >= 0),
  -- Why it was rejected: outside, OTHER_USER and NOT_FOUND are one and the same.
  refusal         VARCHAR(15) CHECK (refusal IN ('NOT_FOUND', 'OTHER_USER', 'ALREADY_USED')),
  created_at      TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at      TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  -- The name is what the kit recognises a lost race by.
  CONSTRAINT coupon_applications_pkey PRIMARY KEY (order_id)
);
-- For the retention of what is over; most rows stay done and are not in it.
CREATE INDEX coupon_applications_over_idx ON coupon_applications (updated_at) WHERE status <> 'done';

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
