"""The functions on the runtime interface, and the state that their events speak of.

Whatever an event needs is made by the functions themselves, with events as well: the local AWS
runs none of them here, its queues and its stream are not polled.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.dynamodb_undo import DynamoDBUndo
from pointflow.domain.credential import Credential, Scope, encode_credentials
from pointflow.domain.submission import Status, Submission, SubmissionRef
from pointflow.services.import_activities import import_activities
from pointflow.services.import_members import import_members
from pointflow_local.clients import local_client
from pointflow_local.invoke import on_the_runtime
from pointflow_local.runtime_function import deployed_configuration
from pointflow_local.runtime_interface import RuntimeInterface
from pointflow_local.runtime_log import Invocation
from pointflow_local.state import LocalStack, project_root
from pointflow_local.template import FUNCTION, read_template, resources
from tests.runtime.events import about, about_member, chunk_rows, load

TEMPLATE = project_root() / "template.yaml"
CLIENT = "acme"

# What the rows and requests in events/ name, beside the samples.
ACTIVITIES = (
    ("client_id", "activity_id", "name", "default_points", "starts_at", "ends_at"),
    (CLIENT, "7001", "Purchase", "100", "", ""),
    (CLIENT, "7002", "Survey", "0", "", ""),
)
MEMBERS = (
    ("client_id", "user_id", "email", "username", "third_party_id", "status", "opening_balance"),
    (CLIENT, "7101", "ada@example.com", "", "", "active", "0"),
    (CLIENT, "7102", "", "grace", "", "active", "0"),
)
CREDENTIAL = Credential(
    "c1",
    frozenset({Scope.PUSH, Scope.READ}),
    created_at=1_760_000_000,
    username=CLIENT,
    password="pass:word",
    api_key="acme.c1kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
)


def functions_by_folder() -> Mapping[str, str]:
    """Logical ids by package: `activity_credit` -> `ActivityCreditFunction`."""
    found = resources(read_template(TEMPLATE), FUNCTION)
    return {properties["Handler"].partition(".")[0]: name for name, properties in found}


class World:
    """A local AWS in which only what a test invokes happens."""

    def __init__(self, stack: LocalStack, cleanup: ExitStack) -> None:
        self.stack = stack
        self._cleanup = cleanup
        self._functions = functions_by_folder()
        self._runtimes: dict[str, RuntimeInterface] = {}
        self._files = 0
        self._people = 0

    def invoke(self, folder: str, event: Any) -> Invocation:
        """Hand a function an event; it is started with its first and stays warm."""
        if folder not in self._runtimes:
            started = on_the_runtime(self.stack, self._functions[folder], TEMPLATE)
            self._runtimes[folder] = self._cleanup.enter_context(started)
        return self._runtimes[folder].invoke(json.dumps(event).encode())

    def succeed(self, folder: str, event: Any) -> None:
        """Hand a function an event of records that it must take without a failure."""
        invocation = self.invoke(folder, event)
        assert invocation.answer == {"batchItemFailures": []}, invocation.output

    def put(self, key: str, body: bytes) -> str:
        """Put an object; answers its version."""
        answer = self._client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return str(answer["VersionId"])

    def result(self, ref: SubmissionRef) -> Any:
        """The result JSON of a submission that owns its name."""
        key = f"outbound/{ref.client_id}/{ref.file_name.removesuffix('.txt')}_result.json"
        body = self._client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return json.loads(body)

    def submission(self, ref: SubmissionRef) -> Submission:
        """What is on record."""
        found = DynamoDBSubmissions(
            self._client("dynamodb"), self.stack.outputs["BatchesTableName"]
        ).get(ref)
        assert found is not None
        return found

    @property
    def bucket(self) -> str:
        """Where files come in and results go out."""
        return self.stack.outputs["BucketName"]

    def planning(self) -> SubmissionRef:
        """A file of its own whose upload was received: its cell waits to be measured."""
        self._files += 1
        # One name and one content for each, else they would take each other's place.
        name = f"activities_{CLIENT}_20251009{self._files:06d}.txt"
        first, second, last = chunk_rows(load("activity_credit/chunk.json"))
        body = b"".join([first, second, f"no row {self._files}\n".encode(), last])
        version = self.put(f"inbound/{CLIENT}/{name}", body)
        ref = SubmissionRef(CLIENT, name, version)
        event = about(load("batch_intake/upload_plain.json"), ref, size=len(body))
        self.succeed("batch_intake", event)
        return ref

    def parsing(self) -> SubmissionRef:
        """A file that is measured: its cell waits to be parsed, its chunks may be credited."""
        ref = self.planning()
        self.succeed("batch_intake", about(load("batch_intake/part_measure.json"), ref))
        return ref

    def complete(self) -> SubmissionRef:
        """A file whose every row is decided: its report waits to be written."""
        ref = self.parsing()
        self.succeed("batch_intake", about(load("batch_intake/part_parse.json"), ref))
        event = about(load("activity_credit/chunk.json"), ref, content=self.content(ref))
        self.succeed("activity_credit", event)
        return ref

    def undoing(self) -> SubmissionRef:
        """A file whose credits are to be taken back."""
        ref = self.complete()
        store = DynamoDBUndo(self._client("dynamodb"), self.stack.outputs["BatchesTableName"])
        assert store.start_undo(ref, int(time.time())).status is Status.UNDOING
        return ref

    def content(self, ref: SubmissionRef) -> str:
        """The digest of a measured file."""
        content = self.submission(ref).content
        assert content is not None
        return content

    def pushed(self) -> int:
        """A member of their own, whose push was stored and reached the month index."""
        self._people += 1
        user_id = 900_000 + self._people
        event = about_member(load("expiration_push/push.json"), user_id)
        answered = self.invoke("expiration_push", event)
        assert answered.answer["statusCode"] == 200, answered.output
        assert json.loads(answered.answer["body"]) == {"status": "stored"}
        event = about_member(load("expiration_projection/first_view.json"), user_id)
        self.succeed("expiration_projection", event)
        return user_id

    def fill(self, folder: Path) -> None:
        """Bring in the members, activities and the credential that the events name."""
        dynamodb, outputs = self._client("dynamodb"), self.stack.outputs
        catalog = DynamoDBCatalog(dynamodb, outputs["CatalogTableName"])
        members = DynamoDBMembers(dynamodb, outputs["MembersTableName"], outputs["LedgerTableName"])
        activities = import_activities(_csv(folder / "activities.csv", ACTIVITIES), catalog=catalog)
        people = import_members(
            _csv(folder / "members.csv", MEMBERS),
            members=members,
            catalog=catalog,
            at=int(time.time()),
        )
        assert not [*activities.errors, *people.errors]
        self._keep_credential()

    def stop_polling(self) -> None:
        """Leave queues and streams to the tests."""
        client = self._client("lambda")
        for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def _keep_credential(self) -> None:
        authorizer = deployed_configuration(self.stack, self._functions["credential_authorizer"])
        name = f"{authorizer.environment['CREDENTIALS_PREFIX']}/{CLIENT}"
        secrets, text = self._client("secretsmanager"), encode_credentials((CREDENTIAL,))
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def _client(self, service: str) -> Any:
        return local_client(self.stack, service)


def _csv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)
    return path
