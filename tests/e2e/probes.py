"""Requests to every resource of the stack, one for each action that somebody might have.

A request is harmless where it is granted: it names what does not exist, or breaks a rule that is
looked at only after the caller's rights. Those that are not are sent only to be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pointflow.adapters.eventbridge import SOURCE
from tests.e2e.privileges import Client, Json, Probe, Stack
from tests.infrastructure.template import properties

NOBODY = "least-privilege-probe"  # a key, file, stream or handle that nothing has
FAILED_CONDITION = "ConditionalCheckFailedException"


def probes(stack: Stack) -> list[Probe]:
    """Everything that is tried with every role."""
    found = [_put_events(stack)]
    for table in stack.of_type("AWS::DynamoDB::Table"):
        found += _of_table(stack, table)
    for bucket in stack.of_type("AWS::S3::Bucket"):
        found += _of_bucket(stack, bucket)
    for queue in stack.of_type("AWS::SQS::Queue"):
        found += _of_queue(stack, queue)
    for secret in stack.client("secretsmanager").list_secrets()["SecretList"]:
        found += _of_secret(secret["ARN"])
    found += [_publish(topic) for topic in stack.of_type("AWS::SNS::Topic")]
    found += [_invoke(stack, function) for function in stack.of_type("AWS::Lambda::Function")]
    found += [_data_key(stack, key) for key in stack.of_type("AWS::KMS::Key")]
    found += [_assume(stack, role) for role in stack.of_type("AWS::IAM::Role")]
    return found


# --- Tables -------------------------------------------------------------------------------------


def _of_table(stack: Stack, name: str) -> Iterator[Probe]:
    table = stack.client("dynamodb").describe_table(TableName=name)["Table"]
    arn = table["TableArn"]
    names = [each["AttributeName"] for each in table["KeySchema"]]
    for leading in [NOBODY, *stack.condition_values("dynamodb:LeadingKeys")]:
        # The range key is of nobody in any case: there is no such item.
        key = {each: {"S": NOBODY} for each in names} | {names[0]: {"S": leading}}
        yield from _of_item(name, arn, key, leading)
        yield _query(name, arn, names[0], leading)
    key = {each: {"S": NOBODY} for each in names}
    yield from _of_points(stack, name, arn, key)
    yield _dynamodb("dynamodb:Scan", arn, "scan", {"TableName": name, "Limit": 1}, context=_ALL)
    yield _dynamodb("dynamodb:DescribeTable", arn, "describe_table", {"TableName": name})
    for index in table.get("GlobalSecondaryIndexes", []):
        below = {"IndexName": index["IndexName"], "Limit": 1}
        index_arn = f"{arn}/index/{index['IndexName']}"
        yield _query(name, index_arn, index["KeySchema"][0]["AttributeName"], NOBODY, below)
        yield _dynamodb(
            "dynamodb:Scan", index_arn, "scan", {"TableName": name, **below}, context=_ALL
        )


_ALL = {"dynamodb:Select": ["ALL_ATTRIBUTES"]}


def _of_item(name: str, arn: str, key: Json, leading: str) -> Iterator[Probe]:
    context = {"dynamodb:LeadingKeys": [leading], **_ALL}
    there = {
        "TableName": name,
        "ConditionExpression": "attribute_exists(#k)",
        "ExpressionAttributeNames": {"#k": next(iter(key))},
    }
    setting = {
        "UpdateExpression": "SET probe = :probe",
        "ExpressionAttributeValues": {":probe": {"S": NOBODY}},
    }
    for action, method, request, ends in (
        ("GetItem", "get_item", {"TableName": name, "Key": key}, ""),
        ("BatchGetItem", "batch_get_item", {"RequestItems": {name: {"Keys": [key]}}}, ""),
        ("PutItem", "put_item", {**there, "Item": key}, FAILED_CONDITION),
        ("UpdateItem", "update_item", {**there, "Key": key, **setting}, FAILED_CONDITION),
        ("DeleteItem", "delete_item", {**there, "Key": key}, FAILED_CONDITION),
        (
            "ConditionCheckItem",
            "transact_write_items",
            {"TransactItems": [{"ConditionCheck": {**there, "Key": key}}]},
            "TransactionCanceledException",
        ),
        (
            "BatchWriteItem",
            "batch_write_item",
            {"RequestItems": {name: [{"DeleteRequest": {"Key": key}}]}},
            "",
        ),
    ):
        yield _dynamodb(f"dynamodb:{action}", arn, method, request, ends=ends, context=context)


def _of_points(stack: Stack, name: str, arn: str, key: Json) -> Iterator[Probe]:
    """Reading no more attributes than a condition names."""
    attributes = stack.condition_values("dynamodb:Attributes")
    names = {f"#a{number}": attribute for number, attribute in enumerate(attributes)}
    some = {
        "TableName": name,
        "ProjectionExpression": ", ".join(names),
        "ExpressionAttributeNames": names,
    }
    context = {"dynamodb:Select": ["SPECIFIC_ATTRIBUTES"], "dynamodb:Attributes": attributes}
    leading = {"dynamodb:LeadingKeys": [NOBODY]}
    yield _dynamodb(
        "dynamodb:GetItem", arn, "get_item", {**some, "Key": key}, context=context | leading
    )
    yield _dynamodb("dynamodb:Scan", arn, "scan", {**some, "Limit": 1}, context=context)


def _query(name: str, arn: str, key: str, value: str, below: Json = None) -> Probe:
    request = {
        "TableName": name,
        "KeyConditionExpression": "#k = :k",
        "ExpressionAttributeNames": {"#k": key},
        "ExpressionAttributeValues": {":k": {"S": value}},
        **(below or {"Limit": 1}),
    }
    context = {"dynamodb:LeadingKeys": [value], **_ALL}
    return _dynamodb("dynamodb:Query", arn, "query", request, context=context)


def _dynamodb(
    action: str,
    arn: str,
    method: str,
    request: Mapping[str, Json],
    *,
    ends: str = "",
    context: Mapping[str, list[str]] | None = None,
) -> Probe:
    return Probe(action, arn, "dynamodb", _sender(method, request), ends, context or {})


# --- The bucket ---------------------------------------------------------------------------------


def _of_bucket(stack: Stack, name: str) -> Iterator[Probe]:
    arn = f"arn:aws:s3:::{name}"
    # The local AWS keeps no lifecycle rules; the template has one for each folder.
    rules = properties("Bucket")["LifecycleConfiguration"]["Rules"]
    folders = {rule["Prefix"] for rule in rules if "Prefix" in rule}
    keys = {f"{folder}{NOBODY}" for folder in {*folders, "elsewhere/"}}
    # What is granted by a pattern finer than a folder.
    keys |= {
        pattern.removeprefix(f"{arn}/").replace("*", NOBODY)
        for pattern in stack.patterns(f"{arn}/")
    }
    for key in sorted(keys):
        yield from _of_object(name, f"{arn}/{key}", key)
    for prefix in sorted({"", *folders, *stack.condition_values("s3:prefix")}):
        listing = {"Bucket": name, "MaxKeys": 1, "Prefix": prefix}
        yield Probe(
            "s3:ListBucket",
            arn,
            "s3",
            _sender("list_objects_v2", listing),
            context={"s3:prefix": [prefix]},
        )
        yield Probe(
            "s3:ListBucketVersions",
            arn,
            "s3",
            _sender("list_object_versions", listing),
            context={"s3:prefix": [prefix]},
        )
    yield Probe("s3:GetBucketPolicy", arn, "s3", _sender("get_bucket_policy", {"Bucket": name}))


def _of_object(bucket: str, arn: str, key: str) -> Iterator[Probe]:
    place = {"Bucket": bucket, "Key": key}
    # AWS shows what is missing only to those who may list the bucket; the local AWS to everybody
    # who may read it.
    for action, method, request, ends in (
        ("GetObject", "get_object", {}, "NoSuchKey"),
        ("GetObjectVersion", "get_object", {"VersionId": NOBODY}, "NoSuchVersion"),
        ("PutObject", "put_object", {"Body": b"x", "ContentMD5": "bm9uZQ=="}, "InvalidDigest"),
        ("AbortMultipartUpload", "abort_multipart_upload", {"UploadId": NOBODY}, "NoSuchUpload"),
        ("DeleteObject", "delete_object", {}, ""),
        ("DeleteObjectVersion", "delete_object", {"VersionId": NOBODY}, ""),
    ):
        yield Probe(f"s3:{action}", arn, "s3", _sender(method, {**place, **request}), ends)


# --- Queues, topics, the bus ----------------------------------------------------------------------


def _of_queue(stack: Stack, url: str) -> Iterator[Probe]:
    asked = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
    arn = stack.client("sqs").get_queue_attributes(**asked)["Attributes"]["QueueArn"]
    handle = {"QueueUrl": url, "ReceiptHandle": NOBODY}
    for action, method, request, ends in (
        ("SendMessage", "send_message", {"QueueUrl": url, "MessageBody": ""}, "MissingParameter"),
        (
            "ReceiveMessage",
            "receive_message",
            {"QueueUrl": url, "MaxNumberOfMessages": 11},
            "InvalidParameterValue",
        ),
        ("DeleteMessage", "delete_message", handle, "ReceiptHandleIsInvalid"),
        (
            "ChangeMessageVisibility",
            "change_message_visibility",
            {**handle, "VisibilityTimeout": 0},
            "ReceiptHandleIsInvalid",
        ),
        ("GetQueueAttributes", "get_queue_attributes", asked, ""),
        ("GetQueueUrl", "get_queue_url", {"QueueName": arn.rpartition(":")[2]}, ""),
    ):
        yield Probe(f"sqs:{action}", arn, "sqs", _sender(method, request), ends)
    yield Probe(
        "sqs:PurgeQueue", arn, "sqs", _sender("purge_queue", {"QueueUrl": url}), harmless=False
    )


def _publish(topic: str) -> Probe:
    # Nobody listens while these tests run.
    message = {"TopicArn": topic, "Message": NOBODY}
    return Probe("sns:Publish", topic, "sns", _sender("publish", message))


def _put_events(stack: Stack) -> Probe:
    arn = stack.client("events").describe_event_bus()["Arn"]
    # In the stack's own name, to which its roles are bound; the local AWS does not look at it.
    event = {"Source": SOURCE, "DetailType": NOBODY, "Detail": "{}"}
    return Probe(
        "events:PutEvents",
        arn,
        "events",
        _sender("put_events", {"Entries": [event]}),
        context={"events:source": [SOURCE]},
    )


# --- Secrets, functions, keys, roles -------------------------------------------------------


def _of_secret(arn: str) -> Iterator[Probe]:
    for action, method, request, harmless in (
        ("GetSecretValue", "get_secret_value", {}, True),
        ("DescribeSecret", "describe_secret", {}, True),
        ("PutSecretValue", "put_secret_value", {"SecretString": NOBODY}, False),
    ):
        yield Probe(
            f"secretsmanager:{action}",
            arn,
            "secretsmanager",
            _sender(method, {"SecretId": arn, **request}),
            harmless=harmless,
        )


def _invoke(stack: Stack, name: str) -> Probe:
    arn = stack.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    trial = {"FunctionName": name, "InvocationType": "DryRun"}
    return Probe("lambda:InvokeFunction", arn, "lambda", _sender("invoke", trial))


def _data_key(stack: Stack, key: str) -> Probe:
    arn = stack.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    wanted = {"KeyId": arn, "KeySpec": "AES_256"}
    return Probe("kms:GenerateDataKey", arn, "kms", _sender("generate_data_key", wanted))


def _assume(stack: Stack, name: str) -> Probe:
    arn = stack.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    session = {"RoleArn": arn, "RoleSessionName": NOBODY}
    return Probe("sts:AssumeRole", arn, "sts", _sender("assume_role", session))


def _sender(method: str, request: Mapping[str, Json]) -> Callable[[Client], object]:
    return lambda client: getattr(client, method)(**request)
