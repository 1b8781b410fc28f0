-- q13, bounded side input: each bid with a word found by its auction. The side input is a lookup table in memory of 10,000 keys, filled by a rule of its own.
CREATE TABLE side_input (key BIGINT, value STRING) WITH (DATASOURCE="nexmark/side", TYPE="memory", KIND="lookup", KEY="key");
-- into nexmark/side
SELECT key, value FROM side;
SELECT B.auction, B.bidder, B.price, B.dateTime, S.value FROM bid AS B INNER JOIN side_input AS S ON B.auction % 10000 = S.key;
