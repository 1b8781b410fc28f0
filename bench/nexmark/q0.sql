-- q0, pass through: what reading and decoding cost. As Flink's.
SELECT auction, bidder, price, dateTime, extra FROM bid;
