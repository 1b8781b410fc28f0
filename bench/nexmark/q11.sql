-- q11, user sessions: how many bids a user made in each session.
-- Differs: Flink keeps a session for each bidder (10 s of silence end it); a session window belongs to the whole stream here, and as this stream is never
-- silent, it is cut at the ticks of its greatest length, 10 s. Counts by bidder within it.
-- event time
SELECT bidder, count(*) AS bid_count, window_start() AS starttime, window_end() AS endtime FROM bid GROUP BY bidder, SESSIONWINDOW(ss, 10, 10);
