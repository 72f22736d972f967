"""Rules between the parts of a repository: one file a rule, each with its page in docs/rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.rules import (
    argument_twice,
    artifact_format,
    check_exists,
    command_file_exists,
    duplicate_name,
    duplicate_step,
    environment_after_exists,
    environment_cycle,
    environment_unreachable,
    evaluation_columns,
    file_input_exists,
    function_exists,
    function_parameters,
    gate_contradiction,
    gate_direction,
    gate_environment,
    gate_metric_exists,
    gate_model_exists,
    gate_range,
    gate_slices_exist,
    gate_without_effect,
    hold_model_exists,
    input_exists,
    metric_exists,
    model_artifact_exists,
    model_artifact_shared,
    model_evaluation_data,
    model_pipeline_exists,
    name_matches_folder,
    not_yet,
    output_unused,
    param_exists,
    pin_model_exists,
    pin_release,
    placeholder_exists,
    placeholder_unused,
    reference_exists,
    reference_value,
    rollback_approvals,
    schedule_never_fires,
    secret_in_clear,
    snapshot_missing,
    snapshot_source_exists,
    spec_file,
    step_cycle,
    symlink,
    target_leak,
    template_file,
    template_name,
    template_syntax,
    template_target,
    timezone_exists,
    unused_param,
    windows_never_open,
)

Check: TypeAlias = Callable[[Draft, Facts], Iterator[Finding]]

RULES: Final[Mapping[str, Check]] = MappingProxyType(
    {
        argument_twice.RULE: argument_twice.check,
        artifact_format.RULE: artifact_format.check,
        check_exists.RULE: check_exists.check,
        command_file_exists.RULE: command_file_exists.check,
        duplicate_name.RULE: duplicate_name.check,
        duplicate_step.RULE: duplicate_step.check,
        environment_after_exists.RULE: environment_after_exists.check,
        environment_cycle.RULE: environment_cycle.check,
        environment_unreachable.RULE: environment_unreachable.check,
        evaluation_columns.RULE: evaluation_columns.check,
        file_input_exists.RULE: file_input_exists.check,
        function_exists.RULE: function_exists.check,
        function_parameters.RULE: function_parameters.check,
        gate_contradiction.RULE: gate_contradiction.check,
        gate_direction.RULE: gate_direction.check,
        gate_environment.RULE: gate_environment.check,
        gate_metric_exists.RULE: gate_metric_exists.check,
        gate_model_exists.RULE: gate_model_exists.check,
        gate_range.RULE: gate_range.check,
        gate_slices_exist.RULE: gate_slices_exist.check,
        gate_without_effect.RULE: gate_without_effect.check,
        hold_model_exists.RULE: hold_model_exists.check,
        input_exists.RULE: input_exists.check,
        metric_exists.RULE: metric_exists.check,
        model_artifact_exists.RULE: model_artifact_exists.check,
        model_artifact_shared.RULE: model_artifact_shared.check,
        model_evaluation_data.RULE: model_evaluation_data.check,
        model_pipeline_exists.RULE: model_pipeline_exists.check,
        name_matches_folder.RULE: name_matches_folder.check,
        not_yet.RULE: not_yet.check,
        output_unused.RULE: output_unused.check,
        param_exists.RULE: param_exists.check,
        pin_model_exists.RULE: pin_model_exists.check,
        pin_release.RULE: pin_release.check,
        placeholder_exists.RULE: placeholder_exists.check,
        placeholder_unused.RULE: placeholder_unused.check,
        reference_exists.RULE: reference_exists.check,
        reference_value.RULE: reference_value.check,
        rollback_approvals.RULE: rollback_approvals.check,
        schedule_never_fires.RULE: schedule_never_fires.check,
        secret_in_clear.RULE: secret_in_clear.check,
        snapshot_missing.RULE: snapshot_missing.check,
        snapshot_source_exists.RULE: snapshot_source_exists.check,
        spec_file.RULE: spec_file.check,
        step_cycle.RULE: step_cycle.check,
        symlink.RULE: symlink.check,
        target_leak.RULE: target_leak.check,
        template_file.RULE: template_file.check,
        template_name.RULE: template_name.check,
        template_syntax.RULE: template_syntax.check,
        template_target.RULE: template_target.check,
        timezone_exists.RULE: timezone_exists.check,
        unused_param.RULE: unused_param.check,
        windows_never_open.RULE: windows_never_open.check,
    }
)


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Hold the draft against every rule."""
    for rule in RULES.values():
        yield from rule(draft, facts)
