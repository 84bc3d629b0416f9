-- No order below this id is on its way to be paid: where counting the open ones may begin.
ALTER TABLE saga_totals ADD COLUMN open_from BIGINT NOT NULL DEFAULT 0;
