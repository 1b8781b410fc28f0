-- q2, selection: bids on certain auctions. As Flink's.
SELECT auction, price FROM bid WHERE auction % 123 = 0;
