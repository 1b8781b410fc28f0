-- q22, directories of the address. As Flink's.
SELECT auction, bidder, price, channel, split_value(url, "/", 3) AS dir1, split_value(url, "/", 4) AS dir2, split_value(url, "/", 5) AS dir3 FROM bid;
