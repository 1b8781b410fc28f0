-- q4, average price for a category: the mean of the highest valid bids of auctions, by category. Two rules, the first hands its rows to the second.
-- Differs: Flink joins without bound and corrects its result for ever; auctions and bids of one window (tumbling, 10 s of event time) meet here.
CREATE STREAM winners (category BIGINT, final BIGINT, ends BIGINT) WITH (DATASOURCE="nexmark/winners", TYPE="memory", TIMESTAMP="ends");
-- event time
-- into nexmark/winners
SELECT A.category AS category, max(B.price) AS final, window_end() AS ends FROM auction AS A INNER JOIN bid AS B ON A.id = B.auction
  WHERE B.dateTime >= A.dateTime AND B.dateTime <= A.expires GROUP BY A.id, A.category, TUMBLINGWINDOW(ss, 10);
-- event time
SELECT category, avg(final) AS price, window_end() AS ends FROM winners GROUP BY category, TUMBLINGWINDOW(ss, 10);
