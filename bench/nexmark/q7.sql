-- q7, highest bid: the bids with the highest price of each 10 s (tumbling, event time).
-- Differs: Flink joins the bids with the maxima, and gives every bid with that price; the first of them is given here.
-- event time
SELECT auction, price, bidder, dateTime, extra FROM bid GROUP BY TUMBLINGWINDOW(ss, 10) ORDER BY price DESC LIMIT 1;
