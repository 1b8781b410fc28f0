-- q9, winning bids: the highest bid of each auction while it was open, the earlier of equal ones. Two rules: the first joins and numbers, the second takes the first.
-- Differs: Flink joins without bound and corrects its result; auctions and bids of one window (tumbling, 10 s of event time) meet here.
CREATE STREAM ranked () WITH (DATASOURCE="nexmark/ranked", TYPE="memory");
-- event time
-- into nexmark/ranked
SELECT A.id AS id, A.itemName AS itemName, A.description AS description, A.initialBid AS initialBid, A.reserve AS reserve, A.dateTime AS dateTime, A.expires AS expires, A.seller AS seller, A.category AS category, A.extra AS extra,
  B.auction AS auction, B.bidder AS bidder, B.price AS price, B.dateTime AS bid_dateTime, B.extra AS bid_extra,
  row_number() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.dateTime ASC) AS rownum
  FROM auction AS A INNER JOIN bid AS B ON A.id = B.auction WHERE B.dateTime >= A.dateTime AND B.dateTime <= A.expires GROUP BY TUMBLINGWINDOW(ss, 10);
SELECT id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra, auction, bidder, price, bid_dateTime, bid_extra FROM ranked WHERE rownum = 1;
