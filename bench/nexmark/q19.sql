-- q19, the ten highest bids of each auction. Two rules: the first numbers the bids, the second takes the first ten.
-- Differs: Flink corrects the ten of an auction with every bid; those of each 10 s (tumbling, event time) are given here.
CREATE STREAM ranked () WITH (DATASOURCE="nexmark/ranked", TYPE="memory");
-- event time
-- into nexmark/ranked
SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC) AS rank_number FROM bid GROUP BY TUMBLINGWINDOW(ss, 10);
SELECT * FROM ranked WHERE rank_number <= 10;
