"""The local AWS: what is worked out before anything is started."""

import importlib.util
import os
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from pointflow_local import launcher
from pointflow_local.artifacts import pack_folder
from pointflow_local.differences import (
    with_enforceable_policies,
    with_failure_destinations,
    with_number_parameters,
    with_text_environment,
    without_saved_queries,
)
from pointflow_local.errors import LocalStackError
from pointflow_local.launcher import Ports, server_environment
from pointflow_local.processes import ProcessId, alive, started
from pointflow_local.settings import Setting, ignored_settings
from pointflow_local.state import (
    LocalStack,
    home,
    project_root,
    read_state,
    running,
    state_file,
    write_state,
)
from pointflow_local.template import FUNCTION, read_template, resolved, with_artifacts

PORTS = Ports(gateway=4567, sftp=2222)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTFLOW_HOME", str(tmp_path / "home"))


def local_stack(*, outputs: dict[str, str], start: str | None = None) -> LocalStack:
    now = started(os.getpid())
    assert now is not None
    return LocalStack(
        endpoint_url="http://127.0.0.1:4567",
        region="us-east-1",
        access_key="test",
        secret_key="test",
        process=ProcessId(os.getpid(), start or now, "token"),
        outputs=outputs,
    )


def test_the_server_sees_nothing_of_the_persons_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "AWS_ENDPOINT_URL", "HOME"):
        monkeypatch.setenv(name, "of-the-person")
    environment = server_environment(PORTS, token="t", keep=False, auth=False)
    assert "of-the-person" not in environment.values()


def test_the_server_listens_on_the_loopback_address_only() -> None:
    environment = server_environment(PORTS, token="t", keep=False, auth=False)
    assert (environment["BIND_HOST"], environment["SFTP_HOST"]) == ("127.0.0.1", "127.0.0.1")
    assert environment["IOT_MTLS_ENABLED"] == "0"


def test_all_that_is_not_kept_lies_in_the_folder_that_is_removed_at_the_end() -> None:
    environment = server_environment(PORTS, token="t", keep=False, auth=False)
    scratch = str(home() / "tmp" / "t")
    assert "PERSIST_STATE" not in environment
    for name in ("TMPDIR", "HOME", "STATE_DIR", "S3_DATA_DIR"):
        assert environment[name].startswith(scratch)


def test_what_is_kept_lies_outside_of_the_folder_that_is_removed_at_the_end() -> None:
    environment = server_environment(PORTS, token="t", keep=True, auth=False)
    assert (environment["PERSIST_STATE"], environment["S3_PERSIST"]) == ("1", "1")
    for name in ("STATE_DIR", "S3_DATA_DIR"):
        assert environment[name].startswith(str(home() / "kept"))


def test_policies_are_enforced_only_on_request() -> None:
    assert "AUTH" not in server_environment(PORTS, token="t", keep=False, auth=False)
    assert server_environment(PORTS, token="t", keep=False, auth=True)["AUTH"] == "true"


def test_a_missing_ministack_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(LocalStackError, match="ministack, the local AWS, is not installed") as told:
        launcher.start(keep=False, auth=False)
    assert "make setup" in told.value.next_step


def test_a_stack_that_was_written_down_is_read_back_whole() -> None:
    stack = local_stack(outputs={"BucketName": "b"})
    write_state(stack)
    assert read_state() == stack
    assert running() == stack


def test_a_stack_that_is_not_deployed_yet_is_not_running() -> None:
    write_state(local_stack(outputs={}))
    assert running() is None


def test_another_process_with_the_same_pid_is_not_the_local_stack() -> None:
    write_state(local_stack(outputs={"BucketName": "b"}, start="long ago"))
    assert running() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"endpoint_url": "http://127.0.0.1:1"}'])
def test_a_damaged_state_file_says_that_nothing_runs(text: str) -> None:
    state_file().parent.mkdir(parents=True)
    state_file().write_text(text)
    assert read_state() is None


def test_a_process_is_known_by_its_start_and_not_by_its_pid_alone() -> None:
    now = started(os.getpid())
    assert now is not None
    assert alive(ProcessId(os.getpid(), now, "token"))
    assert not alive(ProcessId(os.getpid(), "long ago", "token"))
    assert started(2**22 + 1) is None


def test_the_same_files_give_the_same_zip_whenever_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("x = 1")
    before = pack_folder(tmp_path)
    os.utime(tmp_path / "app.py", (0, 0))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "app.cpython-313.pyc").write_bytes(b"bytecode")
    after = pack_folder(tmp_path)
    assert (after.body, after.key) == (before.body, before.key)
    assert zipfile.ZipFile(BytesIO(after.body)).namelist() == ["app.py"]


def test_another_content_gives_another_name(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("x = 1")
    before = pack_folder(tmp_path)
    (tmp_path / "app.py").write_text("x = 2")
    assert pack_folder(tmp_path).key != before.key


def test_every_folder_in_the_template_is_replaced_by_an_upload() -> None:
    template = read_template(project_root() / "template.yaml")
    packed = with_artifacts(
        template,
        function_uri=lambda folder: f"s3://bucket/{folder}",
        layer_uri=lambda logical_id, folder: f"s3://bucket/{logical_id}/{folder}",
    )
    assert packed["Globals"]["Function"]["CodeUri"] == "s3://bucket/functions/"
    layer = packed["Resources"]["DependenciesLayer"]["Properties"]
    assert layer["ContentUri"] == "s3://bucket/DependenciesLayer/layers/dependencies/"
    assert template["Globals"]["Function"]["CodeUri"] == "functions/"


def test_environment_variables_become_text_as_cloudformation_makes_them() -> None:
    template = {
        "Resources": {
            "Intake": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Environment": {"Variables": {"N": {"Ref": "Cells"}, "ONE": 1, "TEXT": "t"}}
                },
            }
        }
    }
    made = with_text_environment(template)["Resources"]["Intake"]["Properties"]["Environment"]
    assert made["Variables"] == {
        "N": {"Fn::Join": ["", [{"Ref": "Cells"}]]},
        "ONE": {"Fn::Join": ["", [1]]},
        "TEXT": "t",
    }


def test_a_number_parameter_reaches_a_property_as_a_number_as_cloudformation_makes_it() -> None:
    template = {
        "Parameters": {"Most": {"Type": "Number"}, "Level": {"Type": "String"}},
        "Resources": {
            "Credit": {"Properties": {"Scaling": [{"Most": {"Ref": "Most"}}, {"Ref": "Level"}]}}
        },
    }
    made = with_number_parameters(template, {"Most": "10", "Level": "INFO"})
    assert made["Resources"]["Credit"]["Properties"] == {
        "Scaling": [{"Most": 10}, {"Ref": "Level"}]
    }


def test_failure_destinations_are_hung_onto_the_latest_version_too() -> None:
    queue = {"Fn::GetAtt": ["DLQ", "Arn"]}
    config = {
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": queue}},
    }
    told = {"Type": FUNCTION, "Properties": {"EventInvokeConfig": config}}
    silent = {"Type": FUNCTION, "Properties": {}}
    chosen = {**told, "Condition": "Chosen"}

    made = with_failure_destinations(
        {"Resources": {"Told": told, "Silent": silent, "Other": chosen}}
    )

    added = {"ToldLatestInvokeConfig", "OtherLatestInvokeConfig"}
    assert set(made["Resources"]) == {"Told", "Silent", "Other"} | added
    assert made["Resources"]["OtherLatestInvokeConfig"]["Condition"] == "Chosen"
    assert "Condition" not in made["Resources"]["ToldLatestInvokeConfig"]
    assert made["Resources"]["ToldLatestInvokeConfig"]["Properties"] == {
        "FunctionName": {"Ref": "Told"},
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 1,
        "DestinationConfig": {"OnFailure": {"Destination": queue}},
    }


def test_saved_queries_are_left_out_and_nothing_else() -> None:
    query = {"Type": "AWS::Logs::QueryDefinition", "Properties": {}}
    group = {"Type": "AWS::Logs::LogGroup"}

    assert without_saved_queries({"Resources": {"Query": query, "Group": group}}) == {
        "Resources": {"Group": group}
    }


def enforceable(*statements: Mapping[str, object]) -> object:
    template = {"Resources": {"Policy": {"Properties": {"Statement": list(statements)}}}}
    return with_enforceable_policies(template)["Resources"]["Policy"]["Properties"]["Statement"]


def test_where_policies_are_enforced_none_demands_tls() -> None:
    tls_only = {
        "Effect": "Deny",
        "Action": ["s3:*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    kept = {"Effect": "Deny", "Action": ["s3:DeleteBucket"]}
    assert enforceable(tls_only, kept) == [kept]


def test_where_policies_are_enforced_the_right_to_a_message_covers_a_batch() -> None:
    assert enforceable({"Effect": "Allow", "Action": "sqs:SendMessage"}) == [
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:SendMessageBatch"]}
    ]


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"template\.yaml is missing"):
        read_template(tmp_path / "template.yaml")


def test_a_template_that_is_not_yaml_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: [")
    with pytest.raises(LocalStackError, match="is not YAML"):
        read_template(tmp_path / "template.yaml")


def test_settings_that_the_local_aws_ignores_are_made_by_api_for_what_is_deployed() -> None:
    template = {
        "Resources": {
            "Seen": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
                    "PointInTimeRecoverySpecification": {
                        "PointInTimeRecoveryEnabled": {"Ref": "Recovery"}
                    },
                },
            },
            "BehindAFalseCondition": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}
                },
            },
            "Watch": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"ReservedConcurrentExecutions": 1},
            },
        }
    }
    found = ignored_settings(template, {"Recovery": "true"}, {"Seen": "table-1", "Watch": "fn-1"})
    assert list(found) == [
        Setting(
            "dynamodb",
            "update_time_to_live",
            {
                "TableName": "table-1",
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            },
        ),
        Setting(
            "dynamodb",
            "update_continuous_backups",
            {
                "TableName": "table-1",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        ),
        Setting(
            "lambda",
            "put_function_concurrency",
            {"FunctionName": "fn-1", "ReservedConcurrentExecutions": 1},
        ),
    ]


def test_a_setting_that_cannot_be_worked_out_is_an_error_and_not_left_out() -> None:
    with pytest.raises(LocalStackError, match="cannot work out"):
        resolved({"Fn::If": ["Condition", True, False]}, {})
