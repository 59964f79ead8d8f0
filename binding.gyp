{
  "targets": [
    {
      "target_name": "fairlead",
      "sources": [
        "native/addon/addon.cc",
        "native/addon/answering.cc",
        "native/addon/datagram_listener.cc",
        "native/addon/datagrams.cc",
        "native/addon/error.cc",
        "native/addon/ethtool.cc",
        "native/addon/ethtool_binding.cc",
        "native/addon/keeper_binding.cc",
        "native/addon/keeper_client.cc",
        "native/addon/led_servers.cc",
        "native/addon/left_questions.cc",
        "native/addon/multicast.cc",
        "native/addon/name_changes.cc",
        "native/addon/name_server.cc",
        "native/addon/name_server_binding.cc",
        "native/addon/namespace.cc",
        "native/addon/namespace_binding.cc",
        "native/addon/netlink_socket.cc",
        "native/addon/netlink_threads.cc",
        "native/addon/poll.cc",
        "native/addon/process.cc",
        "native/addon/process_binding.cc",
        "native/addon/program.cc",
        "native/addon/program_binding.cc",
        "native/addon/prompt_thread.cc",
        "native/addon/reactor.cc",
        "native/addon/reactor_thread.cc",
        "native/addon/relay.cc",
        "native/addon/relay_arrival.cc",
        "native/addon/relay_binding.cc",
        "native/addon/relayed_tcp.cc",
        "native/addon/relayed_udp.cc",
        "native/addon/socket_binding.cc",
        "native/addon/sockets.cc",
        "native/addon/stream_connection.cc",
        "native/addon/stream_listener.cc",
        "native/addon/thread.cc",
        "native/keeper/message.cc",
        "<!@(ls native/dns/*.cc)"
      ],
      "include_dirs": ["<(addon_api)"],
      # The last: callbacks that come while an environment is being taken down can do nothing, and need not.
      "defines": [
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NAPI_VERSION=9",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=c++20", "-fno-exceptions"]
    }
  ]
}
