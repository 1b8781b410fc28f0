-- The three streams of NEXMark and the side input of q13, as their users would declare them; the events come as JSON or as rows.
-- Times are milliseconds since 1970. Not here: q6 (Flink does not run it either) and q10 (rows into files by the hour: a matter of the file sink, not of the language).
CREATE STREAM person (id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, dateTime BIGINT, extra STRING)
  WITH (DATASOURCE="person", TYPE="nexmark", FORMAT="json", TIMESTAMP="dateTime");
CREATE STREAM auction (id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, dateTime BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra STRING)
  WITH (DATASOURCE="auction", TYPE="nexmark", FORMAT="json", TIMESTAMP="dateTime");
CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime BIGINT, extra STRING)
  WITH (DATASOURCE="bid", TYPE="nexmark", FORMAT="json", TIMESTAMP="dateTime");
CREATE STREAM side (key BIGINT, value STRING) WITH (DATASOURCE="side", TYPE="nexmark", FORMAT="json");
