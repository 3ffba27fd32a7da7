# The catalog of the tests as pyiceberg reaches it.
from pyiceberg.catalog import Catalog, load_catalog


def lake(uri: str, endpoint: str) -> Catalog:
    return load_catalog(
        "lake",
        type="rest",
        uri=uri,
        **{
            "s3.endpoint": endpoint,
            "s3.access-key-id": "tsdbt-test",
            "s3.secret-access-key": "canary-of-the-store",
            "s3.region": "us-east-1",
        },
    )
