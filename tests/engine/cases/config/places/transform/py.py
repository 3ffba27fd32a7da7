def model(dbt, session):
    dbt.config(materialized="table", tags=["py"])
    a = dbt.ref("reads")
    b = dbt.source("raw", "rows")
    return a
