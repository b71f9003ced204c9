# The fields are spelled out: a list of names, looked up one by one, took 60% longer. With -n
# and inputs the header comes first. jq 1.6 has no random numbers, so there is no id.
["_airbyte_emitted_at", "l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", "l_quantity",
 "l_extendedprice", "l_discount", "l_tax", "l_returnflag", "l_linestatus", "l_shipdate", "l_commitdate",
 "l_receiptdate", "l_shipinstruct", "l_shipmode", "l_comment", "l_source"],
(inputs.record | [.emitted_at, (.data
 | .l_orderkey, .l_partkey, .l_suppkey, .l_linenumber, .l_quantity, .l_extendedprice, .l_discount, .l_tax,
   .l_returnflag, .l_linestatus, .l_shipdate, .l_commitdate, .l_receiptdate, .l_shipinstruct, .l_shipmode,
   .l_comment, (.l_source | if . == null then . else tojson end))])
| @csv
