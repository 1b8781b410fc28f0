-- q20, bids with their auction, category 10.
-- Differs: Flink joins both streams without bound; the auctions are a lookup table in memory here, filled by a rule of its own, so that a bid finds every auction
-- that was there before it (in Flink also one that comes later).
CREATE TABLE auctions (id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, dateTime BIGINT, expires BIGINT, seller BIGINT, category BIGINT, extra STRING)
  WITH (DATASOURCE="nexmark/auctions", TYPE="memory", KIND="lookup", KEY="id");
-- into nexmark/auctions
SELECT * FROM auction;
SELECT B.auction, B.bidder, B.price, B.channel, B.url, B.dateTime, B.extra, A.itemName, A.description, A.initialBid, A.reserve, A.dateTime AS adateTime, A.expires, A.seller, A.category, A.extra AS aextra
  FROM bid AS B INNER JOIN auctions AS A ON B.auction = A.id WHERE A.category = 10;
