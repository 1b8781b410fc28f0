-- q17, auction statistics of a day.
-- Differs: Flink corrects one row an auction and day with every bid; a row for each auction and 10 s (tumbling, event time) is given here.
-- event time
SELECT auction, format_time(window_start(), "yyyy-MM-dd") AS day, count(*) AS total_bids,
  sum(CASE WHEN price < 10000 THEN 1 ELSE 0 END) AS rank1_bids, sum(CASE WHEN price >= 10000 AND price < 1000000 THEN 1 ELSE 0 END) AS rank2_bids, sum(CASE WHEN price >= 1000000 THEN 1 ELSE 0 END) AS rank3_bids,
  min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
  FROM bid GROUP BY auction, TUMBLINGWINDOW(ss, 10);
