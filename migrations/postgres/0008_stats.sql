-- Minutes in which a server of this installation ran, for the uptime of /api/stats. Kept for a month.

CREATE TABLE uptime_minutes (
  minute bigint PRIMARY KEY                  -- since 1970, UTC
);
