-- q14, calculation: price, time of day, and a count of letters, for a middle range of prices. As Flink's; its count_char is written out, and the price in
-- euros has a name of its own, because WHERE knows the names of the select list.
SELECT auction, bidder, 0.908 * price AS euros,
  CASE WHEN hour(dateTime) >= 8 AND hour(dateTime) <= 18 THEN "dayTime" WHEN hour(dateTime) <= 6 OR hour(dateTime) >= 20 THEN "nightTime" ELSE "otherTime" END AS bidTimeType,
  dateTime, extra, length(extra) - length(regexp_replace(extra, "c", "")) AS c_counts
  FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
