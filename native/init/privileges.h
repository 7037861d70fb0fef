#pragma once

#include "base/error.h"
#include "base/oci.h"

namespace podrun {

/** Sets the limits; where a hard limit is above our own and we lack CAP_SYS_RESOURCE, as much as we may. */
Status setRlimits(const std::vector<oci::Rlimit>& limits);

/**
 * Written to the /proc that the process was started with, which no container can have touched
 * (CVE-2025-52881). A value that we may not set (lower than our own without CAP_SYS_RESOURCE) is left as it
 * is.
 */
Status setOomScore(const oci::Process& process);

/** Drops everything from the bounding set that is not in it. Needs CAP_SETPCAP, so it comes before the change
 * of user. */
Status limitBoundingSet(const oci::Capabilities& capabilities);

/** Groups, gid, uid. All capabilities that we have stay in effect: what follows needs them, whoever the user
 * is. */
Status becomeUser(const oci::User& user);

/**
 * The final sets. Capabilities that podrun itself does not have are left out, as nobody can give them. exec
 * clears effective and permitted for a user other than root, unless ambient ones are given (capabilities(7)).
 */
Status setCapabilities(const oci::Capabilities& capabilities);

}  // namespace podrun
