-- q18, the last bid of each bidder on each auction.
-- Differs: Flink corrects the row of a pair with every bid; the last ones of each 10 s (tumbling, event time) are given here.
-- event time
SELECT auction, bidder, last_value(price, true) AS price, last_value(channel, true) AS channel, last_value(url, true) AS url, last_value(dateTime, true) AS dateTime, last_value(extra, true) AS extra
  FROM bid GROUP BY bidder, auction, TUMBLINGWINDOW(ss, 10);
