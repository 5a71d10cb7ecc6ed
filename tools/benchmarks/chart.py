"""A bar chart of the steps, for docs/performance.md."""
import os


def draw(results, path, batch_size):
    """Write a bar chart of the time a batch for each model, as PNG or SVG by the file's name.

    A bar is the median of the rounds, and the line at its end holds their middle half.
    """
    # Not imported with this file: the package sets variables that the processes measured inherit.
    from gluonblocks.drawing import style
    colors = {'notebook': style.FAINT, 'PyTorch': style.ORANGE, 'ours': style.BLUE}
    names = {'notebook': "the notebook's code", 'PyTorch': "PyTorch's fastest",
             'ours': 'gluonblocks'}
    models = results['training']
    figure = style.new_figure(style.WIDTH, 0.6 + 1.5 * ((len(models) + 1) // 2))
    figure.suptitle('Time of a training batch of %d images, in milliseconds (less is better)'
                    % batch_size, **style.HEADLINE)
    axes = figure.subplots((len(models) + 1) // 2, min(len(models), 2), squeeze=False)
    for ax in axes.flat[len(models):]:
        ax.set_visible(False)
    for ax, (model, found) in zip(axes.flat, models.items()):
        spreads = {('PyTorch' if name.startswith('torch') else name):
                   found['variants'][name]['ms']
                   for name in ('notebook', found['fastest_torch'], 'ours')
                   if name in found['variants']}
        medians = [ms.median for ms in spreads.values()]
        style.style_axes(ax)
        ax.barh([names[name] for name in spreads], medians, height=0.72,
                color=[colors[name] for name in spreads], xerr=[
                    [ms.median - ms.low for ms in spreads.values()],
                    [ms.high - ms.median for ms in spreads.values()]],
                error_kw={'elinewidth': 1.2, 'capsize': 2.5})
        for row, ms in enumerate(spreads.values()):
            ax.annotate(style.readable(ms.median), (ms.high, row), xytext=(4, 0),
                        textcoords='offset points', va='center')
        ax.set_xlim(0, 1.18 * max(ms.high for ms in spreads.values()))
        ax.invert_yaxis()
        ax.grid(False)
        ax.set_xticks([])
        ax.tick_params(length=0)
        ax.spines['bottom'].set_visible(False)
        ax.set_title(model, **style.TITLE)
    figure.supxlabel('bar: the median of the rounds; line at its end: their middle half',
                     fontsize=8, color=style.FAINT)
    content = style.encode_figure(figure, os.path.splitext(path)[1][1:])
    with open(path, 'wb') as f:
        f.write(content)
