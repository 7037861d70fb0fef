#pragma once

#include <netinet/in.h>

#include <string>

#include "addon/network/netlink.h"

namespace podrun::network {

/**
 * Makes the nftables table "podrun" in the socket's namespace, owned by the socket (NFT_TABLE_F_OWNER,
 * Linux 5.12): nobody else can change it, and the kernel deletes it when the last copy of the descriptor is
 * closed.
 *
 *   table ip podrun {
 *     chain postrouting {
 *       type nat hook postrouting priority srcnat;
 *       ip saddr <subnet> oifname != "<interface>" masquerade
 *     }
 *   }
 */
void addMasquerade(NetlinkSocket& socket, in_addr subnet, uint8_t prefixLength, const std::string& interface);

}  // namespace podrun::network
