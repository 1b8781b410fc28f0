-- q3, local item suggestion: who sells in category 10 in three states.
-- Differs: Flink joins all auctions with all persons ever seen; streams are joined in a window here, tumbling, 10 s of event time. A seller
-- who registered in an earlier window is not found.
-- event time
SELECT P.name, P.city, P.state, A.id FROM auction AS A INNER JOIN person AS P ON A.seller = P.id
  WHERE A.category = 10 AND (P.state = "OR" OR P.state = "ID" OR P.state = "CA") GROUP BY TUMBLINGWINDOW(ss, 10);
