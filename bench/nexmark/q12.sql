-- q12, windows of processing time: how many bids a user makes in 10 s by the clock. As Flink's. (The clock is moved by the bench as fast as the events' times.)
SELECT bidder, count(*) AS bid_count, window_start() AS starttime, window_end() AS endtime FROM bid GROUP BY bidder, TUMBLINGWINDOW(ss, 10);
