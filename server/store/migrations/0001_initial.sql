-- Plain enough for SQLite and PostgreSQL alike. Times are microseconds since 1970. Messages are kept whole; what is
-- looked for stands in a column beside them.

CREATE TABLE uploads (
  name TEXT NOT NULL PRIMARY KEY,
  state INTEGER NOT NULL,
  digest TEXT NOT NULL,
  expire_time BIGINT NOT NULL,
  upload BYTEA NOT NULL
);
CREATE INDEX uploads_by_expiry ON uploads (expire_time);
CREATE INDEX uploads_by_digest ON uploads (digest);
CREATE INDEX uploads_by_state ON uploads (state);

CREATE TABLE models (
  name TEXT NOT NULL PRIMARY KEY,
  create_time BIGINT NOT NULL,
  digest TEXT NOT NULL,
  model BYTEA NOT NULL
);
CREATE INDEX models_by_time ON models (create_time, name);
CREATE INDEX models_by_digest ON models (digest);

CREATE TABLE datasets (
  name TEXT NOT NULL PRIMARY KEY,
  create_time BIGINT NOT NULL,
  digest TEXT NOT NULL,
  dataset BYTEA NOT NULL
);
CREATE INDEX datasets_by_time ON datasets (create_time, name);
CREATE INDEX datasets_by_digest ON datasets (digest);

CREATE TABLE jobs (
  name TEXT NOT NULL PRIMARY KEY,
  state INTEGER NOT NULL,
  create_time BIGINT NOT NULL,
  retry_time BIGINT NOT NULL,
  model TEXT NOT NULL,
  calibration TEXT NOT NULL,
  evaluation TEXT NOT NULL,
  model_digest TEXT NOT NULL,
  lease_token TEXT NOT NULL,
  lease_expiry BIGINT NOT NULL,
  last_event BIGINT NOT NULL,
  own_failures INTEGER NOT NULL,
  other_failures INTEGER NOT NULL,
  job BYTEA NOT NULL
);
CREATE INDEX jobs_by_time ON jobs (create_time, name);
CREATE INDEX jobs_by_state ON jobs (state, create_time, name);

CREATE TABLE events (
  job TEXT NOT NULL REFERENCES jobs (name) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  event BYTEA NOT NULL,
  PRIMARY KEY (job, number)
);

CREATE TABLE reports (
  job TEXT NOT NULL PRIMARY KEY REFERENCES jobs (name) ON DELETE CASCADE,
  report BYTEA NOT NULL
);

CREATE TABLE artifacts (
  job TEXT NOT NULL REFERENCES jobs (name) ON DELETE CASCADE,
  file_name TEXT NOT NULL,
  digest TEXT NOT NULL,
  artifact BYTEA NOT NULL,
  PRIMARY KEY (job, file_name)
);
CREATE INDEX artifacts_by_digest ON artifacts (digest);

CREATE TABLE finished_variants (
  job TEXT NOT NULL REFERENCES jobs (name) ON DELETE CASCADE,
  variant TEXT NOT NULL,
  digest TEXT NOT NULL,
  report BYTEA NOT NULL,
  PRIMARY KEY (job, variant)
);
CREATE INDEX finished_variants_by_digest ON finished_variants (digest);

CREATE TABLE requests (
  collection TEXT NOT NULL,
  request_id TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (collection, request_id)
);
CREATE INDEX requests_by_name ON requests (name);

CREATE TABLE quarantine (
  digest TEXT NOT NULL,
  engine_build TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (digest, engine_build)
);
