-- What operators did: one row an action, written with its effect where that is one transaction.
CREATE TABLE operator_actions (
  id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      TIMESTAMPTZ(6) NOT NULL DEFAULT now(),
  -- The token's subject.
  subject BIGINT NOT NULL,
  action  VARCHAR(40) NOT NULL,
  request JSONB NOT NULL,
  outcome JSONB NOT NULL
);

-- Append-only, also for the service itself. The role is missing in databases made for a test.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'coupon_app') THEN
    REVOKE UPDATE, DELETE, TRUNCATE ON operator_actions FROM coupon_app;
  END IF;
END
$$;

-- Open ones are few among 30 days of closed ones: lists, counts and the gauge walk this.
CREATE INDEX dead_letters_open_idx ON dead_letters (id) WHERE closed_at IS NULL;
