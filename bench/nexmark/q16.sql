-- q16, bidding statistics of a channel and day.
-- Differs: Flink corrects one row a channel and day with every bid; a row for each channel and 10 s (tumbling, event time) is given here. DISTINCT is an array made
-- distinct; FILTER of an aggregate is a CASE.
-- event time
SELECT channel, format_time(window_start(), "yyyy-MM-dd") AS day, max(format_time(dateTime, "HH:mm")) AS minute, count(*) AS total_bids,
  sum(CASE WHEN price < 10000 THEN 1 ELSE 0 END) AS rank1_bids, sum(CASE WHEN price >= 10000 AND price < 1000000 THEN 1 ELSE 0 END) AS rank2_bids, sum(CASE WHEN price >= 1000000 THEN 1 ELSE 0 END) AS rank3_bids,
  cardinality(array_distinct(collect(bidder))) AS total_bidders,
  cardinality(array_remove(array_distinct(collect(CASE WHEN price < 10000 THEN bidder ELSE 0 END)), 0)) AS rank1_bidders,
  cardinality(array_remove(array_distinct(collect(CASE WHEN price >= 10000 AND price < 1000000 THEN bidder ELSE 0 END)), 0)) AS rank2_bidders,
  cardinality(array_remove(array_distinct(collect(CASE WHEN price >= 1000000 THEN bidder ELSE 0 END)), 0)) AS rank3_bidders,
  cardinality(array_distinct(collect(auction))) AS total_auctions,
  cardinality(array_remove(array_distinct(collect(CASE WHEN price < 10000 THEN auction ELSE 0 END)), 0)) AS rank1_auctions,
  cardinality(array_remove(array_distinct(collect(CASE WHEN price >= 10000 AND price < 1000000 THEN auction ELSE 0 END)), 0)) AS rank2_auctions,
  cardinality(array_remove(array_distinct(collect(CASE WHEN price >= 1000000 THEN auction ELSE 0 END)), 0)) AS rank3_auctions
  FROM bid GROUP BY channel, TUMBLINGWINDOW(ss, 10);
