-- How late each carrier's flights arrived, by month, of those with enough of them.
SELECT
    carrier,
    month,
    count(*) AS flights,
    avg(arr_delay) AS mean_delay,
    avg((arr_delay > 15)::INTEGER) AS share_late
FROM flights
WHERE arr_delay IS NOT NULL
GROUP BY ALL
HAVING count(*) >= $least
ORDER BY carrier, month
