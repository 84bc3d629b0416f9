CREATE TABLE products (
  id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  status      VARCHAR(15) NOT NULL DEFAULT 'ON_SALE' CHECK (status IN ('ON_SALE', 'SUSPENDED')),
  name        VARCHAR(100) NOT NULL,
  description TEXT NOT NULL,
  price       DECIMAL(17,2) NOT NULL CHECK (price > 0),
  created_at  TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at  TIMESTAMPTZ(6) NOT NULL DEFAULT now()
);

-- Half of each page is left free, so that the updates of hot rows stay on their page and touch no index.
CREATE TABLE product_stocks (
  product_id BIGINT PRIMARY KEY REFERENCES products (id),
  quantity   BIGINT NOT NULL CHECK (quantity >= 0),
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE product_daily_sales (
  product_id BIGINT NOT NULL REFERENCES products (id),
  date       DATE NOT NULL,
  quantity   BIGINT NOT NULL CHECK (quantity >= 0),
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  PRIMARY KEY (product_id, date)
) WITH (fillfactor = 50);
CREATE INDEX product_daily_sales_date_idx ON product_daily_sales (date);

CREATE TABLE stock_adjustments (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_id BIGINT NOT NULL REFERENCES products (id),
  kind       VARCHAR(15) NOT NULL,
  delta      BIGINT NOT NULL,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  CHECK ((kind = 'LOAD' AND delta >= 0) OR (kind = 'ADJUSTMENT' AND delta <> 0))
);
CREATE INDEX stock_adjustments_product_id_id_idx ON stock_adjustments (product_id, id);

-- No foreign keys in fence tables: a rejected order may name what does not exist.
CREATE TABLE stock_reservations (
  order_id   BIGINT NOT NULL,
  status     VARCHAR(10) NOT NULL CHECK (status IN ('done', 'rejected', 'undone')),
  attempt    INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  items      JSONB,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  -- The name is what the kit recognises a lost race by.
  CONSTRAINT stock_reservations_pkey PRIMARY KEY (order_id),
  CHECK (status <> 'done' OR items IS NOT NULL)
);
-- Retention: rows of finished orders only, so the happy path pays nothing for it.
CREATE INDEX stock_reservations_over_idx ON stock_reservations (updated_at) WHERE status <> 'done';

CREATE TABLE sales_orders (
  order_id   BIGINT NOT NULL,
  state      VARCHAR(10) NOT NULL CHECK (state IN ('COUNTED', 'VOID')),
  day        DATE NOT NULL,
  items      JSONB NOT NULL,
  created_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  CONSTRAINT sales_orders_pkey PRIMARY KEY (order_id)
);
CREATE INDEX sales_orders_void_idx ON sales_orders (updated_at) WHERE state = 'VOID';

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
  UNIQUE (step, topic, partition, "offset")
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
  PRIMARY KEY (subject, route, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys USING brin (created_at);

-- Ledgers are append-only, for the service's own role too. A test database has no such role.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'product_app') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON stock_adjustments FROM product_app;
  END IF;
END
$$;
