-- PF115: whether md5 can be computed.
select md5('pgferry') as digest
