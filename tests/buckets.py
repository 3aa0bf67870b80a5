"""An S3 server on loopback, as the tools of AWS find it."""

import contextlib
from collections.abc import Iterator

import boto3
import pytest


@contextlib.contextmanager
def use_bucket(port: int, name: str) -> Iterator[None]:
    """Have this process find the server at a port, and a bucket there."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "anyone")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "anything")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket=name)
        yield
