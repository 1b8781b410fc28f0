-- q5, hot items: the auction with the most bids of the last 10 s, every 2 s (hopping window in event time).
-- Differs: Flink joins the counts with their maximum and gives every auction that has it; the first of them is given here.
-- event time
SELECT auction, count(*) AS num, window_end() AS ends FROM bid GROUP BY auction, HOPPINGWINDOW(ss, 10, 2) ORDER BY num DESC LIMIT 1;
