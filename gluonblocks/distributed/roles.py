"""The scheduler and the servers, each a process that a launcher starts."""
from .cluster import Cluster, serve
from .member import Member


def main(role):
    """Run as 'scheduler' or 'server' until the launcher ends this process."""
    member = Member.of_environment()
    member.mark('loading', 0)
    member.tell('ready', facts={})
    cluster = Cluster(*member.wait_for('go')['cluster'])
    member.mark('serving', 0)
    serve(role, cluster)

