/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Types that user space reads but no map or program names would be missing from the object's BTF. A function
 * that nobody calls names them: the compiler keeps its signature, the loader leaves its body out.
 */
#pragma once
#include "shared/conntrack.h"
#include "shared/drop.h"
#include "shared/policy.h"
#include "shared/service.h"
#include "shared/shortcut.h"

int btf_types(struct drop_event *event, enum drop_reason reason, enum frontend_flags frontend,
	      enum frontend_kind kind);
int btf_types(struct drop_event *event, enum drop_reason reason, enum frontend_flags frontend,
	      enum frontend_kind kind)
{
	return 0;
}

int btf_more_types(enum drop_hook hook, enum backend_flags backend, enum conntrack_flags conntrack,
		   enum conntrack_seen seen, enum shortcut_count shortcut);
int btf_more_types(enum drop_hook hook, enum backend_flags backend, enum conntrack_flags conntrack,
		   enum conntrack_seen seen, enum shortcut_count shortcut)
{
	return 0;
}

int btf_policy_types(enum policy_direction direction, enum policy_knowledge knowledge);
int btf_policy_types(enum policy_direction direction, enum policy_knowledge knowledge)
{
	return 0;
}
