-- q8, new users: persons who registered and opened auctions within the same 10 s (tumbling, event time). As Flink's: both sides are made distinct
-- by the grouping of the pairs.
-- event time
SELECT P.id, P.name, window_start() AS starttime FROM person AS P INNER JOIN auction AS A ON P.id = A.seller
  GROUP BY P.id, P.name, TUMBLINGWINDOW(ss, 10);
